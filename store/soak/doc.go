// Package soak lets a whole ferry, a process of its own, keep an engine in step with a source that lives: 200 transactions a
// second, one of them held open for minutes. It measures how late every committed row becomes visible, to the
// microsecond, and requires that nothing grows. It has no code of its own but for tests.
//
// `make soak` takes half an hour; FERRY_SOAK, FERRY_SOAK_LONG, FERRY_SOAK_RATE, FERRY_SOAK_EVERY and FERRY_SOAK_CARDS
// change it. Among the other tests it takes some 20 seconds, with the same requirements.
package soak
