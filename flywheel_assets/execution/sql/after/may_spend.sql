-- Whether a campaign, ad set or ad is switched on as far as we know: as a person has set it since, else as
-- we wrote it.
create or replace function may_spend(object ad_objects) returns boolean
language sql stable as $$
  select coalesce(object.drift -> 'status' ->> 'theirs', object.status, '') not in ('PAUSED', 'DELETED', 'ARCHIVED')
    and (
      coalesce(object.effective_status, '') not in ('PAUSED', 'DELETED', 'ARCHIVED')
      or object.drift -> 'status' ->> 'theirs' = 'ACTIVE'
    )
$$;
