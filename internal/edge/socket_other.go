//go:build unix && !linux

package edge

// setUserTimeout does nothing where there is no such socket option.
func setUserTimeout(int) {}
