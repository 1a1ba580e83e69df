module github.com/rejoin-dev/rejoin/client

go 1.24.0

require (
	github.com/coder/websocket v1.8.15
	go.uber.org/goleak v1.3.0
)

require github.com/stretchr/testify v1.12.1 // indirect
