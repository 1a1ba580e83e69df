package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
	"github.com/rejoin-dev/rejoin/tools/loadtest/scenario"
)

func runScenario(ctx context.Context, name string, args []string, stderr io.Writer) (*report.File, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", fmt.Errorf("find this program: %w", err)
	}
	runner := scenario.Runner{Stderr: stderr, Worker: []string{self, "worker"}}
	return runner.Run(ctx, name, args)
}

func worker(stdin io.Reader, stdout io.Writer) error { return scenario.Worker(stdin, stdout) }
