// Dockerlint runs BuildKit's own checks over a Dockerfile, without an engine and without a registry.
//
//	GOWORK=off go -C scripts/dockerlint run . ../../Dockerfile
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/opencontainers/go-digest"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run prints what is wrong, and returns an error when anything is.
func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: dockerlint <Dockerfile>")
	}
	text, err := os.ReadFile(args[0])
	if err != nil {
		return fmt.Errorf("read Dockerfile: %w", err)
	}
	source := llb.NewSourceMap(nil, args[0], "dockerfile", text)
	source.Definition = &llb.Definition{} // it is printed with the result, and must be there
	results, err := dockerfile2llb.DockerfileLint(ctx, text, dockerfile2llb.ConvertOpt{SourceMap: source, MetaResolver: noRegistry{}})
	if err != nil {
		return fmt.Errorf("check Dockerfile: %w", err)
	}
	if err := results.PrintTo(out, nil); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if n := len(results.Warnings); n > 0 || results.Error != nil {
		return fmt.Errorf("%d warnings", n)
	}
	return nil
}

// noRegistry takes every base image for one that sets nothing.
type noRegistry struct{}

func (noRegistry) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	return ref, "", []byte(`{"os":"linux","architecture":"amd64"}`), nil
}
