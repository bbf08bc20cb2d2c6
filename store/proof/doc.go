// Package proof plants faults into a live engine and asks the check to find them: all of them, and nothing else. Beside it a
// naive comparison, which reads one side and then the other, shows what live writes make of that.
package proof
