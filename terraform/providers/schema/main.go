package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"

	"github.com/rejoin-dev/rejoin/terraform/providers/schema/bindings"
	"github.com/rejoin-dev/rejoin/terraform/providers/schema/cloudformation"
	"github.com/rejoin-dev/rejoin/terraform/providers/schema/serve"
)

const schemaFile = "schema.json.gz"

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "schema:", err)
		os.Exit(1)
	}
}

func run(args []string, stdout io.Writer) error {
	switch {
	case len(args) == 0:
		return provide()
	case len(args) == 4 && args[0] == "install":
		return install(args[1], args[2], args[3], stdout)
	case len(args) == 4 && args[0] == "compare":
		return compare(args[1], args[2], args[3], stdout)
	}
	return errors.New("want: schema install <package.tgz> <integrity> <mirror>, or schema compare <package.tgz> <integrity> <root>")
}

// provide serves the schema beside the program until Terraform ends it. Where the program lies says what it is: <namespace>/<name>/<version>/<system>.
func provide() error {
	program, err := os.Executable()
	if err == nil {
		program, err = filepath.EvalSymlinks(program) // Terraform links to it
	}
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	dir := filepath.Dir(program)
	version := filepath.Dir(dir)
	name := filepath.Dir(version)
	source := filepath.Base(filepath.Dir(name)) + "/" + filepath.Base(name)
	return serve.Serve(source, filepath.Base(version), func() (*bindings.Provider, error) { return load(filepath.Join(dir, schemaFile)) })
}

// install writes <mirror>/registry.terraform.io/<source>/<version>/<system>/: this program under the provider's name, and the schema.
func install(tarball, integrity, mirror string, stdout io.Writer) error {
	b, err := os.ReadFile(tarball)
	if err != nil {
		return fmt.Errorf("read the package: %w", err)
	}
	p, err := bindings.Read(b, integrity)
	if err != nil {
		return fmt.Errorf("%s: %w", tarball, err)
	}
	dir := filepath.Join(mirror, "registry.terraform.io", filepath.FromSlash(p.Source), p.Version, runtime.GOOS+"_"+runtime.GOARCH)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("make the mirror: %w", err)
	}
	if err := save(p, filepath.Join(dir, schemaFile)); err != nil {
		return err
	}
	if err := copyProgram(filepath.Join(dir, "terraform-provider-"+filepath.Base(p.Source)+"_v"+p.Version)); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "the schema of %s %s: %d resources, %d data sources\n", p.Source, p.Version, len(p.Resources), len(p.DataSources))
	return err
}

// compare looks whether a root says what AWS' own description knows.
func compare(tarball, integrity, root string, stdout io.Writer) error {
	b, err := os.ReadFile(tarball)
	if err != nil {
		return fmt.Errorf("read the package: %w", err)
	}
	s, err := cloudformation.Read(b, integrity)
	if err != nil {
		return fmt.Errorf("%s: %w", tarball, err)
	}
	n, err := s.Check(root)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s says what AWS knows: %d properties and metrics\n", root, n)
	return err
}

func save(p *bindings.Provider, path string) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	zipped := gzip.NewWriter(f)
	if err := json.NewEncoder(zipped).Encode(p); err != nil {
		return fmt.Errorf("write the schema: %w", err)
	}
	return zipped.Close()
}

func load(path string) (*bindings.Provider, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the schema: %w", err)
	}
	defer f.Close()
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("unzip the schema: %w", err)
	}
	var p bindings.Provider
	if err := json.NewDecoder(zipped).Decode(&p); err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	return &p, nil
}

// copyProgram replaces what is at path at once: it may be running.
func copyProgram(path string) (err error) {
	program, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find the program: %w", err)
	}
	from, err := os.Open(program)
	if err != nil {
		return fmt.Errorf("open the program: %w", err)
	}
	defer from.Close()
	to, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o755)
	if err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	if _, err := io.Copy(to, from); err != nil {
		return errors.Join(fmt.Errorf("copy the program: %w", err), to.Close())
	}
	if err := to.Close(); err != nil {
		return fmt.Errorf("copy the program: %w", err)
	}
	return os.Rename(path+".new", path)
}
