-- `waits` is true while an object that the change needs does not exist: such rows are kept out of the
-- index that claims read. It only hides; `can_be_claimed` has the last word on the row chosen.
create or replace function note_what_it_waits_for() returns trigger
language plpgsql as $$
begin
  -- Whoever makes one of them at this moment is waited for, or waits: the row it must wake is seen by one of the two.
  perform from ad_objects as needed
  where needed.ref = any(new.depends_on) and needed.remote_id is null
  order by needed.ref
  for share;
  new.waits := exists (
    select from unnest(new.depends_on) as needed(ref)
    left join ad_objects as existing on existing.ref = needed.ref
    where existing.remote_id is null
  );
  return new;
end
$$;
create or replace trigger note_what_it_waits_for
  before insert on pending_ad_changes
  for each row when (new.depends_on <> '{}') execute function note_what_it_waits_for();

create or replace function wake_what_waits() returns trigger
language plpgsql as $$
begin
  -- Locked first and asked afterwards: of two objects made at the same moment the later one sees both.
  perform from pending_ad_changes as waiting
  where waiting.waits and waiting.depends_on @> array[new.ref]
  order by waiting.seq
  for no key update;
  update pending_ad_changes as waiting
  set waits = false
  where waiting.waits
    and waiting.depends_on @> array[new.ref]
    and not exists (
      select from unnest(waiting.depends_on) as needed(ref)
      left join ad_objects as existing on existing.ref = needed.ref
      where existing.remote_id is null
    );
  return null;
end
$$;
create or replace trigger wake_what_waits
  after insert or update of remote_id on ad_objects
  for each row when (new.remote_id is not null) execute function wake_what_waits();
