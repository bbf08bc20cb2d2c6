// Package crossing holds the end-to-end harnesses: whole ferries, as processes of their own, between two real databases,
// which are killed, stopped, raced and steered while an oracle counts rows. It has no code of its own but for tests.
package crossing
