// Package engine is ferry's vocabulary: runs, steps and batches, the counts that they leave behind, the snapshot that a
// console looks at, the errors that an operator reads, and the Operator through which every action goes.
//
// It imports nothing of ours and nothing that talks: no SQL, no queue, no terminal. Packages below it hold the
// decisions (entity, cycle, control); packages under store carry them out; the console only ever sees this package.
//
// A run goes through these states; every arrow is one transaction in the engine database:
//
//	queued → planning → running → done
//	                      ↓  ↑
//	          pausing → paused            running means: batches may be carved; ferry itself pauses a run of which the
//	                                      engine refuses too many rows, or that comes to an entity which somebody holds
//	planning, running → asking → running  it needs an answer: the source is another one, too many rows vanished from it
//	asking → cancelled                    the answer was "stop"
//	any active state → cancelled          by an operator; the epoch is raised, late batches are refused
//	any active state → failed             an error that waiting cannot cure; its text is kept on the run
//	queued, planning, running → interrupted  the last process with workers left in good order; one that dies is taken over
//	cancelled, failed, interrupted → running   by an operator, unless a later run has overtaken it; an interrupted one also by
//	                                      the next full sync
//
// A full run reads every row. An incremental one, a tick, reads what changed since the floor that the last completed
// run left, and reads every row too where there is no floor that holds.
package engine
