update ad_objects
set remote_id = coalesce(:remote_id, remote_id),
    status = coalesce(:status, status),
    -- what the platform showed before our write says nothing about after it
    effective_status = case when cast(:status as text) is null then effective_status end,
    daily_budget = coalesce(:daily_budget, daily_budget),
    observed_at = flywheel_now()
where ref = :ref
