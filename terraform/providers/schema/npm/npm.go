// Package npm opens packages of npm.
package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
)

// Open gives the files of a package, a tarball as `npm pack` makes it. integrity is what npm says of it, sha512-<base64>.
func Open(tarball []byte, integrity string) (*tar.Reader, error) {
	sum := sha512.Sum512(tarball)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != integrity {
		return nil, fmt.Errorf("the package is another one: want %s, got %s", integrity, got)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return nil, fmt.Errorf("unzip the package: %w", err)
	}
	return tar.NewReader(unzipped), nil
}
