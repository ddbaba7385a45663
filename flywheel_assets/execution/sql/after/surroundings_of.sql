-- What a claimed change speaks of: the remote ids of its own object, its campaign and what it needs, where
-- they exist, and its attempt whose outcome nobody knows yet.
-- A volatile function, because it has to see what was committed before the claim was made, and the
-- statement that claims was begun before that.
drop function if exists surroundings_of(uuid, text, text, text[]);
create function surroundings_of(the_change uuid, the_object text, the_campaign text, needed text[])
returns table (
  ids jsonb, tag text, was_attempted boolean,
  attempt_id bigint, attempted_id text, attempted_from bigint, attempted_budget bigint, attempted_over jsonb
)
language plpgsql volatile set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  select jsonb_object_agg(object.ref, object.remote_id), max(object.tag) filter (where object.ref = the_object)
  into ids, tag
  from ad_objects as object
  where object.ref = any(needed || array[the_object, the_campaign]);
  select attempt.id, attempt.remote_id, attempt.previous_budget, attempt.target_budget, attempt.previous
  into attempt_id, attempted_id, attempted_from, attempted_budget, attempted_over
  from ad_change_history as attempt
  where attempt.change_id = the_change and attempt.finished_at is null;
  was_attempted := found or exists (select from ad_change_history as earlier where earlier.change_id = the_change);
  return next;
end
$$;
