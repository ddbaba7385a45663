-- Every budget that was, or may have been, in force since :opens, with the time it may have held until:
-- because of an attempt of ours, or until a person changed it. In a conflict ours may have stood for a
-- moment, and the one before it did.
select budget.minor, attempt.finished_at as until
from ad_change_history as attempt
cross join lateral (values (attempt.previous_budget), (attempt.target_budget)) as budget(minor)
where attempt.object_ref = :object_ref
  and attempt.world = current_setting('flywheel.world')
  and attempt.status in ('executing', 'unknown', 'applied', 'reconciled', 'conflict')
  and (attempt.finished_at is null or attempt.finished_at > :opens)
  and budget.minor is not null
union all
select edit.ours, edit.found_at
from budget_edits as edit
where edit.object_ref = :object_ref
  and edit.found_at > :opens
