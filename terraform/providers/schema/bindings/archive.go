package bindings

import (
	"archive/tar"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/npm"
)

// Read reads a package, a tarball as `npm pack` makes it. integrity is what npm says of it, sha512-<base64>.
func Read(tarball []byte, integrity string) (*Provider, error) {
	files, err := npm.Open(tarball, integrity)
	if err != nil {
		return nil, err
	}
	b := builder{&Provider{Resources: map[string]*Block{}, DataSources: map[string]*Block{}, Ephemerals: map[string]*Block{}}}
	if err := b.walk(files); err != nil {
		return nil, err
	}
	if b.provider.Version == "" || b.provider.Source == "" || b.provider.Config == nil || len(b.provider.Resources) == 0 {
		return nil, errors.New("the package holds no bindings of a provider")
	}
	return b.provider, nil
}

// walk reads lib/<directory>/**.js. The files of a directory come in any order.
func (b *builder) walk(files *tar.Reader) error {
	modules := map[string]*module{}
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return fmt.Errorf("read the package: %w", err)
		}
		_, below, found := strings.Cut(h.Name, "/lib/")
		dir, _, nested := strings.Cut(below, "/")
		if !found || !nested || path.Ext(h.Name) != ".js" {
			continue
		}
		if modules[dir] == nil {
			modules[dir] = newModule()
		}
		javascript, err := io.ReadAll(files)
		if err != nil {
			return fmt.Errorf("read the package: %w", err)
		}
		text, err := source(javascript)
		if err != nil {
			return fmt.Errorf("%s: %w", h.Name, err)
		}
		modules[dir].read(text)
	}
	for _, dir := range slices.Sorted(maps.Keys(modules)) {
		if err := b.add(modules[dir]); err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
	}
	return nil
}

// sourceMap is what the JavaScript of a package ends with: the TypeScript that it was made of, which has the comments as well.
type sourceMap struct {
	Sources []string `json:"sourcesContent"`
}

const mapMark = "//# sourceMappingURL=data:application/json;base64,"

// source is the TypeScript of a file, or "".
func source(javascript []byte) (string, error) {
	_, encoded, found := bytes.Cut(javascript, []byte(mapMark))
	if !found {
		return "", nil
	}
	var m sourceMap
	if err := json.NewDecoder(base64.NewDecoder(base64.StdEncoding, bytes.NewReader(bytes.TrimSpace(encoded)))).Decode(&m); err != nil {
		return "", fmt.Errorf("read the source map: %w", err)
	}
	return strings.Join(m.Sources, "\n"), nil
}
