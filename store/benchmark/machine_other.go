//go:build !linux

package benchmark

func cpuName() string { return "" }

func memory() int64 { return 0 }
