-- Opens when the limit is reached, and at once when it was not closed: then this was a probe, or a call
-- that began before the others had failed.
insert into breakers as breaker (account_id, state, failures, retry_real, reason)
values (
  :account_id,
  case when :limit <= 1 then 'open' else 'closed' end,
  1,
  case when :limit <= 1 then clock_timestamp() + make_interval(secs => :seconds) end,
  :reason
)
on conflict (account_id) do update
set failures = breaker.failures + 1,
    state = case when breaker.state <> 'closed' or breaker.failures + 1 >= :limit then 'open' else 'closed' end,
    retry_real = case when breaker.state <> 'closed' or breaker.failures + 1 >= :limit
      then clock_timestamp() + make_interval(secs => :seconds) end,
    reason = :reason
