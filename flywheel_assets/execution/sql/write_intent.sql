select write_intent(
  :change_id, make_interval(secs => :lease_seconds), :scope, :remote_id,
  :previous_budget, :target_budget, cast(:adjustments as jsonb), cast(:previous as jsonb), :now
)
