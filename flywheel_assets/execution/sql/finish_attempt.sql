update ad_change_history
set status = :status,
    remote_id = coalesce(:remote_id, remote_id),
    actual_budget = :actual_budget,
    error = coalesce(cast(:error as jsonb), error), -- how an answer was missed stays on record when the outcome is known
    finished_at = case when :status = 'unknown' then null else flywheel_now() end,
    finished_real = clock_timestamp()
where id = :attempt_id
returning id
