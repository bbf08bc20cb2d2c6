// Package idsum is the arithmetic by which both databases sum up sets of ids, so that two sets can be compared without
// sending them. It is plain integer arithmetic: PostgreSQL's own hash functions may differ between versions, and source
// and engine need not be of the same one.
package idsum

// Sum is SQL over a bigint column id below 2^31: an aggregate of a hash of each id, as text. The hash is quadratic, so that
// two ids which went and two which came are not likely to sum up to the same.
const Sum = `coalesce(sum(((id * 1103515245 + 12345) & 2147483647) * ((id * 1103515245 + 12345) & 2147483647) & 4503599627370495), 0)::text`
