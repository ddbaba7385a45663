-- Business time: real time in live, the twin's clock in sandbox. A connection that does not say
-- its world gets an error, not a guess.
create or replace function flywheel_now() returns timestamptz
language plpgsql volatile as $$
declare
  world text := current_setting('flywheel.world', true);
  reading timestamptz;
begin
  if world = 'live' then
    return clock_timestamp();
  end if;
  if world is distinct from 'sandbox' then
    raise exception 'flywheel.world is % on this connection; it must be sandbox or live', coalesce(world, 'unset');
  end if;
  select least(clock.reads + (clock_timestamp() - clock.anchored_at) * clock.rate, clock_timestamp())
    into reading from twin_clock as clock;
  if reading is null then
    raise exception 'the twin''s clock is not set; start the platform with flywheel demo or flywheel up';
  end if;
  return reading;
end
$$;
