-- Steps that need nothing of the one before them.

-- +goose Up

-- Such a step begins when the one before it has no more batches to hand out, although the last of them are still at work, and all before
-- that one have ended: so nobody is idle while a long batch comes to its end.
ALTER TABLE ferry.step ADD beside boolean NOT NULL DEFAULT false;
