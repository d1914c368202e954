-- Payloads of blocks, for COPY … TO STDOUT (FORMAT binary), which takes no parameters: a function keeps its plan, which over a year of weekly
-- partitions takes longer to make than to run. stable: it sees what the statement sees.
create function block_payloads(p_series integer[], p_bucket bigint[], p_block bigint[])
returns table (block_id bigint, payload bytea, commits bytea) language plpgsql stable as $$
begin
  return query
    select b.block_id, b.payload, b.commits
    from unnest(p_series, p_bucket, p_block) as wanted(series_id, bucket_us, block_id)
    join block b on b.series_id = wanted.series_id and b.bucket_us = wanted.bucket_us and b.block_id = wanted.block_id;
end $$;
