-- Allows: drop trigger, drop table search_changes, drop table search_chunks, drop table search_postings, drop table search_segments, drop table search_state
-- Changes: search_state, search_segments, search_postings, search_chunks, search_changes
-- Remakes: search_state WHERE 1
-- Remakes: search_segments WHERE 1
-- Remakes: search_postings WHERE 1
-- Remakes: search_chunks WHERE 1
-- Remakes: search_changes WHERE 1
DROP TRIGGER IF EXISTS trg_files_search_update;
DROP TRIGGER IF EXISTS trg_files_search_insert;
DROP TABLE IF EXISTS search_changes;
DROP TABLE IF EXISTS search_chunks;
DROP TABLE IF EXISTS search_postings;
DROP TABLE IF EXISTS search_segments;
DROP TABLE IF EXISTS search_state;
