// Package monitor judges how ferry keeps its service levels, and decides whom to tell of what.
//
// It is pure: a snapshot and thresholds in, levels and findings out (judge.go); findings and the open alerts in, changes
// out (decide.go). Who judges, and how a message reaches somebody, is the affair of package control and of the stores.
//
// Unknown is never "kept": what could not be seen neither raises an alert nor ends one.
package monitor
