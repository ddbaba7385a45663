-- What a claimed change speaks of, as far as it exists, and its attempt whose outcome nobody knows yet.
select object.ref, object.remote_id, object.tag,
  exists (select from ad_change_history as earlier where earlier.change_id = :change_id) as was_attempted,
  attempt.id as attempt_id, attempt.remote_id as attempted_id, attempt.previous_budget, attempt.target_budget, attempt.previous
from ad_objects as object
left join ad_change_history as attempt on attempt.change_id = :change_id and attempt.finished_at is null
where object.ref = any(:refs)
