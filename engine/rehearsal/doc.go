// Package rehearsal decides what a rehearsal of the cutover says: which step of the runbook comes next, whether each gate
// passes, what the verdict is, how long the real cutover will keep Odoo frozen, and how two rehearsals differ. It also
// writes the report. It is pure: it begins nothing and asks nobody; package control carries the runbook out.
//
//	preflight → load → freeze → catch-up → check → ledger → verdict
//	                   └──────── Odoo stands still ────────┘
//
// A step is waiting, running, and then done, failed or skipped. Behind a step that failed all others are skipped but the
// verdict, which is then NO-GO: Odoo must not stay frozen for a rehearsal that cannot end well.
//
// A gate passes, fails, or could not be checked, and that is never a pass. GO is said only if every step is done and every
// gate passes. A GO is about one state of the source, its Mark; it expires when the source has moved on.
package rehearsal
