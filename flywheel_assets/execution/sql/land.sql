select landed.id
from land(
  :change_id, :fencing_token, :attempt_id, :status, :remote_id, :new_id,
  :object_ref, :object_status, :daily_budget, cast(:known as jsonb), :account_id
) as landed(id)
where landed.id is not null
