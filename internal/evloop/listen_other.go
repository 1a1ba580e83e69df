//go:build unix && !linux

package evloop

// setUserTimeout does nothing where there is no such socket option.
func setUserTimeout(int) {}
