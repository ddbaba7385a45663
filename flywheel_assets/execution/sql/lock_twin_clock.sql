-- Two drains at once: the second sees where the first one has moved the clock.
select id from twin_clock for update
