// Package bindingstest makes a package of bindings for tests: a provider of pets.
package bindingstest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Package packs the TypeScript below dir as npm does, and gives its integrity.
func Package(t *testing.T, dir string) (tarball []byte, integrity string) {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	files := tar.NewWriter(zipped)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		javascript := javascript(t, string(text))
		if err := files.WriteHeader(&tar.Header{Name: "package/" + strings.TrimSuffix(filepath.ToSlash(name), ".ts") + ".js", Mode: 0o644, Size: int64(len(javascript))}); err != nil {
			return err
		}
		_, err = files.Write(javascript)
		return err
	})
	for _, err := range []error{err, files.Close(), zipped.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	sum := sha512.Sum512(b.Bytes())
	return b.Bytes(), "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func javascript(t *testing.T, typescript string) []byte {
	t.Helper()
	m, err := json.Marshal(map[string]any{"version": 3, "sourcesContent": []string{typescript}})
	if err != nil {
		t.Fatal(err)
	}
	return []byte("\"use strict\";\n//# sourceMappingURL=data:application/json;base64," + base64.StdEncoding.EncodeToString(m))
}
