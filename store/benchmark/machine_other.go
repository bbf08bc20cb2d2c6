//go:build !linux

package benchmark

func cpuName() string { return "" }

func highWater(int) int64 { return 0 }

func memory() int64 { return 0 }
