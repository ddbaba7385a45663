update ad_objects
set remote_id = coalesce(:remote_id, remote_id),
    status = coalesce(:status, status),
    daily_budget = coalesce(:daily_budget, daily_budget),
    observed_at = flywheel_now()
where ref = :ref
