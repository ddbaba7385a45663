select id, attempt, remote_id, previous_budget, target_budget
from ad_change_history
where change_id = :change_id and finished_at is null
