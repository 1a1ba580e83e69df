//go:build !linux

package main

import (
	"context"
	"errors"
	"io"

	"github.com/rejoin-dev/rejoin/tools/loadtest/report"
)

var errLinux = errors.New("the load test needs Linux: epoll, /proc, and all of 127.0.0.0/8")

func runScenario(context.Context, string, []string, io.Writer) (*report.File, string, error) {
	return nil, "", errLinux
}

func worker(io.Reader, io.Writer) error { return errLinux }
