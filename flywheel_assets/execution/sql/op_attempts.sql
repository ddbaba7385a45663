select
  attempt, status, worker, remote_id, requested_budget, previous_budget, target_budget, actual_budget, currency,
  previous, adjustments, error, started_at, finished_at
from ad_change_history
where change_id = :change_id
order by attempt
