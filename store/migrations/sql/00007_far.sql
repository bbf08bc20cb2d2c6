-- Ids far away from all others.

-- +goose Up

ALTER TABLE ferry.step
    ADD source_high bigint;                             -- above it the step concerns only what the engine knows; NULL: nowhere
