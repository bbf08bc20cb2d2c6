// Package interleave holds the harness of random interleavings: writers on an Odoo-shaped source whose transactions cross
// in an order drawn from a seed, and pollers that look at it in between. What a poller believes in the end is compared
// with the source. ferry must lose nothing; polls on write_date and on visible transactions, its negative controls, must
// lose rows on the same seeds. It has no code of its own but for tests.
package interleave
