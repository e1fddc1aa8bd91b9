-- The event log of Pipe Comms in PostgreSQL 14 or later: schema 1.
--
-- Paste it into Supabase's SQL editor, or: psql --single-transaction -v ON_ERROR_STOP=1 -f create-message-events-table.sql
-- Safe to run again. The role that runs it owns the log; the functions below are the only way in for everybody else.

-- Servers that only speak the protocol of PostgreSQL lock otherwise: two appends at once could be given the same position.
do $$
begin
  if version() !~ '^(PostgreSQL|EnterpriseDB) ' or version() ~* '-YB-|yugabyte|cockroach|redshift|materialize|questdb|greenplum|opengauss' then
    raise exception 'expected PostgreSQL 14 or later, got %', version() using errcode = 'feature_not_supported';
  end if;
  if current_setting('server_version_num')::integer < 140000 then
    raise exception 'expected PostgreSQL 14 or later, got %', version() using errcode = 'feature_not_supported';
  end if;
end
$$;

create table if not exists public.message_log (
  only_row       boolean primary key default true check (only_row),
  schema_version integer not null,
  -- Events in each partition of message_events. May be changed at any time; partitions that exist stay as they are.
  partition_size bigint not null default 1000000 check (partition_size >= 2),
  -- The first position for which there is no partition yet.
  partitioned_to bigint not null default 1
);

-- The name of this log, in every position: 8 characters of a to z and 2 to 7. It never changes.
alter table public.message_log add column if not exists log_id text collate "C" check (log_id ~ '^[a-z2-7]{8}$');

-- Where every event stands: narrow, never partitioned, kept for ever. Here a key, a version and a position are unique in the whole log,
-- also beside events whose partition was detached long ago.
create table if not exists public.message_event_places (
  event_position  bigint primary key,
  idempotency_key text collate "C" not null constraint message_event_places_by_key unique,
  stream_id       text collate "C" not null,
  stream_version  integer not null,
  -- The call that recorded it: a call tried again after an unknown outcome knows its own events from those of others.
  append_id       uuid not null,
  recorded_at     timestamptz(3) not null,
  constraint message_event_places_by_stream unique (stream_id, stream_version)
);

-- The events, in partitions by position. event is the whole event and the truth, the other columns repeat what is searched for.
-- What text and jsonb cannot hold is written with a U+2400 (see the README): ␀0000 is a NUL.
create table if not exists public.message_events (
  event_position      bigint not null,
  stream_id           text collate "C" not null,
  stream_version      integer not null,
  idempotency_key     text collate "C" not null,
  event_id            text collate "C" not null,
  event_type          text collate "C" not null,
  channel             text collate "C" not null,
  provider            text collate "C" not null,
  account             text collate "C",
  direction           text collate "C",
  contact             text collate "C",
  endpoint            text collate "C",
  message_id          text collate "C",
  provider_message_id text collate "C",
  lead_id             text collate "C",
  occurred_at         timestamptz not null,
  recorded_at         timestamptz(3) not null,
  event_bytes         integer not null,
  event               jsonb not null,
  primary key (event_position)
) partition by range (event_position);

create index if not exists message_events_by_lead on public.message_events (lead_id) where lead_id is not null;
-- Events come about in the order of their time, so a BRIN finds a day in a few kilobytes (https://www.postgresql.org/docs/15/brin-intro.html).
create index if not exists message_events_by_time on public.message_events using brin (occurred_at) with (pages_per_range = 16);

create table if not exists public.consumer_checkpoints (
  consumer_id    text collate "C" primary key,
  event_position text not null,
  saved_at       timestamptz(3) not null
);

-- Append-only, whoever it is -----------------------------------------------------------------------------------------------------------

create or replace function public.refuse_message_log_change() returns trigger language plpgsql set search_path = '' as $$
begin
  raise exception '% is append-only: % refused', tg_table_name, tg_op using errcode = 'object_not_in_prerequisite_state';
end
$$;

-- Closes a table of the log to everybody: no privileges, row-level security without a policy, triggers for those whom neither stops.
create or replace function public.close_message_log_table(p_table regclass) returns void language plpgsql set search_path = '' as $$
declare
  v_role text;
begin
  execute format('alter table %s enable row level security', p_table);
  execute format('revoke all on table %s from public', p_table);
  for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on table %s from %I', p_table, v_role);
  end loop;
  execute format(
    'create or replace trigger refuse_change before update or delete or truncate on %s for each statement execute function public.refuse_message_log_change()',
    p_table
  );
end
$$;

-- Makes the next partition, empty and closed. Attaching blocks neither readers nor writers, as CREATE TABLE … PARTITION OF would
-- (https://www.postgresql.org/docs/15/ddl-partitioning.html#DDL-PARTITIONING-DECLARATIVE-MAINTENANCE).
create or replace function public.add_message_events_partition() returns void language plpgsql set search_path = '' as $$
declare
  v_from bigint;
  v_to   bigint;
  v_name text;
begin
  select partitioned_to, partitioned_to + partition_size into strict v_from, v_to from public.message_log;
  v_name := format('public.%I', 'message_events_from_' || v_from);
  execute format('create table %s (like public.message_events including all)', v_name);
  perform public.close_message_log_table(v_name::regclass);
  execute format('alter table public.message_events attach partition %s for values from (%s) to (%s)', v_name, v_from, v_to);
  update public.message_log set partitioned_to = v_to;
end
$$;

-- Writing ------------------------------------------------------------------------------------------------------------------------------

-- Events in sections, a section of one or more requests that are decided together. p_events: each event as JSON on a line of its own, an
-- empty line for a request without events. p_keys and p_streams: the key and the stream of each line. p_sizes: how many lines each section
-- has. p_expected: the version that the stream of a section must have, or null; a section with one, or of an empty line, is one request.
--
-- The answer has a part for each section: {"conflict": <version>}, or {"version": <version>} for an empty line, or
-- {"recordedAt", "first": <position>, "versions": [...], "repeats": null or [...]}: the version of each line's stream after it, and those
-- lines that were there: [<line of the section, from 0>, position, version, recordedAt, <by this call, now or in an earlier try>,
-- streamId, event]. All other lines were recorded now, from the first position on.
--
-- One writer at a time: the lock comes before anything is read and goes when the commit is visible to all, and positions are counted
-- from the newest one that is there. The lock is on the row of message_log, which no other login may lock: an advisory lock would be open
-- to every login of the database. So positions become visible in their order and without gaps: nothing can appear later behind a
-- position that a reader has seen.
create or replace function public.append_message_events(
  p_events text, p_keys text[], p_streams text[], p_sizes integer[], p_expected integer[], p_append_id uuid
) returns json
  language plpgsql security definer
  set search_path = '' set lock_timeout = '4s' set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_newest   bigint;
  v_now      timestamptz(3);
  v_first    integer;
  v_last     integer := 0;
  v_keys     text[];
  v_streams  text[];
  v_version  integer;
  v_known    boolean;
  v_versions integer[];
  v_places   bigint[];
  v_fresh    integer;
  v_repeats  json;
  v_parts    json[] := '{}';
  -- Where each line goes; null: it is not recorded now.
  v_all_places   bigint[] := array_fill(null::bigint, array[cardinality(p_keys)]);
  v_all_versions integer[] := array_fill(null::integer, array[cardinality(p_keys)]);
begin
  -- With a snapshot older than the lock, the newest position could not be seen.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'expected isolation level read committed, got %', current_setting('transaction_isolation') using errcode = 'PC002';
  end if;
  -- What is acknowledged is on the disk, whatever the default of the role or the database is.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  perform from public.message_log where only_row for update;
  if not found then
    raise exception 'message_log has no row: run create-message-events-table.sql again' using errcode = 'PC003';
  end if;
  v_newest := coalesce((select max(event_position) from public.message_event_places), 0);
  v_now := clock_timestamp();
  -- Made half a partition ahead, so that there always is one.
  while (select v_newest + cardinality(p_keys) > partitioned_to - partition_size / 2 from public.message_log where only_row) loop
    perform public.add_message_events_partition();
  end loop;

  for v_section in 1 .. cardinality(p_sizes) loop
    v_first := v_last + 1;
    v_last := v_last + p_sizes[v_section];
    v_keys := p_keys[v_first:v_last];
    v_streams := p_streams[v_first:v_last];

    -- LIMIT 1 keeps the planner to the index, whatever it believes about the size of the table.
    if p_expected[v_section] is not null or v_keys[1] is null then
      v_version := coalesce((
        select stream_version from public.message_event_places where stream_id = v_streams[1] order by stream_version desc limit 1
      ), 0);
      -- Whatever it expects, a request of repeats only is answered with them.
      if p_expected[v_section] <> v_version and exists (
        select from unnest(v_keys) as given (key)
         where not exists (select from public.message_event_places where idempotency_key = key)
      ) then
        v_parts := v_parts || json_build_object('conflict', v_version);
        continue;
      elsif v_keys[1] is null then
        v_parts := v_parts || json_build_object('version', v_version);
        continue;
      end if;
    end if;

    v_known := exists (select from public.message_event_places where idempotency_key = any (v_keys))
      or (select count(distinct key collate "C") < cardinality(v_keys) from unnest(v_keys) as given (key));
    if v_known then
      select array_agg(case when fresh then place end order by line) into v_places
        from (
          select line, fresh, v_newest + count(*) filter (where fresh) over (order by line rows unbounded preceding) as place
            from (
              select line, row_number() over (partition by key order by line) = 1
                     and not exists (select from public.message_event_places where idempotency_key = key) as fresh
                from unnest(v_keys) with ordinality as given (key, line)
            ) found
        ) counted;
    else
      v_places := array(select generate_series(v_newest + 1, v_newest + cardinality(v_keys)));
    end if;

    select array_agg(version_before + fresh order by line) into v_versions
      from (
        select line, count(place) over (partition by stream_id order by line rows unbounded preceding) as fresh,
               coalesce((
                 select p.stream_version from public.message_event_places p
                  where p.stream_id = given.stream_id order by p.stream_version desc limit 1
               ), 0) as version_before
          from unnest(v_streams, v_places) with ordinality as given (stream_id, place, line)
      ) counted;

    insert into public.message_event_places (event_position, idempotency_key, stream_id, stream_version, append_id, recorded_at)
    select place, key, stream_id, stream_version, p_append_id, v_now
      from unnest(v_places, v_keys, v_streams, v_versions) as given (place, key, stream_id, stream_version)
     where place is not null;
    get diagnostics v_fresh = row_count;
    v_all_places[v_first:v_last] := v_places;
    v_all_versions[v_first:v_last] := v_versions;

    v_repeats := null;
    if v_known then
      select json_agg(json_build_array(
               line - 1, lpad(p.event_position::text, 12, '0'), p.stream_version, p.recorded_at, p.append_id = p_append_id, p.stream_id,
               (select m.event from public.message_events m where m.event_position = p.event_position and p.append_id <> p_append_id)
             ) order by line)
        into v_repeats
        from unnest(v_keys, v_places) with ordinality as given (key, place, line)
        join public.message_event_places p on p.idempotency_key = key
       where place is null;
    end if;
    v_parts := v_parts || json_build_object(
      'recordedAt', v_now, 'first', lpad((v_newest + 1)::text, 12, '0'), 'versions', v_versions, 'repeats', v_repeats
    );
    v_newest := v_newest + v_fresh;
  end loop;

  -- All that is recorded, each line read once: OFFSET 0 keeps the planner from parsing an event again for each column.
  insert into public.message_events (
    event_position, stream_id, stream_version, idempotency_key, event_id, event_type, channel, provider, account, direction,
    contact, endpoint, message_id, provider_message_id, lead_id, occurred_at, recorded_at, event_bytes, event
  )
  select place, stream_id, stream_version, key, event ->> 'id', event ->> 'type', event ->> 'channel',
         event ->> 'provider', event ->> 'account', event ->> 'direction', event -> 'contact' ->> 'value',
         event -> 'endpoint' ->> 'value', event ->> 'messageId', event ->> 'providerMessageId',
         coalesce(event -> 'lead' ->> 'id', case when event ->> 'type' = 'lead.uncorrelated' then event -> 'data' ->> 'leadId' end),
         (event ->> 'occurredAt')::timestamptz, v_now, pg_column_size(event), event
    from (
      select place, stream_id, stream_version, key, line::jsonb as event
        from rows from (string_to_table(p_events, E'\n'), unnest(v_all_places, p_streams, v_all_versions, p_keys))
          as given (line, place, stream_id, stream_version, key)
       where place is not null offset 0
    ) fresh;

  if found then
    perform pg_notify('message_events', lpad(v_newest::text, 12, '0'));
  end if;
  return array_to_json(v_parts);
end
$$;

-- Reading ------------------------------------------------------------------------------------------------------------------------------

-- A page is rows of JSON, the lines [position, streamId, version, recordedAt, event] and behind them {"more": <there may be more>, "last":
-- <read up to here>}. Where the API's limit of rows (1000 by default) cuts that one off, there is more behind the last line. It goes by
-- rows, and where these are large by bytes, but has one at least.

create or replace function public.read_message_events(p_after text, p_rows integer, p_bytes bigint) returns setof json
  language plpgsql stable security definer
  set search_path = '' set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_after  bigint := 0;
  v_newest bigint;
  v_rows   integer;
  v_bytes  bigint;
  v_end    bigint;
  v_last   bigint;
begin
  if p_after is not null then
    select coalesce(max(event_position), 0) into v_newest from public.message_event_places;
    if p_after ~ '^[0-9]{12}$' then
      v_after := p_after::bigint;
    end if;
    if v_after < 1 or v_after > v_newest then
      raise exception 'expected a position of this log, up to %, got %', lpad(v_newest::text, 12, '0'), left(p_after, 60)
        using errcode = 'PC001';
    end if;
  end if;
  select count(*), sum(event_bytes), max(event_position) into v_rows, v_bytes, v_end
    from (select event_position, event_bytes from public.message_events where event_position > v_after order by event_position limit p_rows) m;
  v_last := v_end;
  if v_bytes > p_bytes then
    select max(event_position) into v_last
      from (
        select event_position, sum(event_bytes) over (order by event_position rows unbounded preceding) - event_bytes as bytes_before
          from public.message_events where event_position > v_after order by event_position limit p_rows
      ) m
     where bytes_before < p_bytes;
  end if;
  return query
    select json_build_array(lpad(event_position::text, 12, '0'), stream_id, stream_version, recorded_at, event)
      from public.message_events where event_position > v_after and event_position <= v_last order by event_position limit p_rows;
  return next json_build_object('more', v_rows = p_rows or coalesce(v_last < v_end, false), 'last', lpad(v_last::text, 12, '0'));
end
$$;

create or replace function public.read_message_stream(p_stream text, p_from_version bigint, p_rows integer, p_bytes bigint)
  returns setof json
  language plpgsql stable security definer
  set search_path = '' set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_rows  integer;
  v_bytes bigint;
  v_last  integer;
begin
  -- Of an event whose partition was detached there is a place only.
  select count(*), max(bytes_before), max(stream_version) filter (where bytes_before < p_bytes) into v_rows, v_bytes, v_last
    from (
      select p.stream_version,
             coalesce(sum(m.event_bytes) over (order by p.stream_version rows between unbounded preceding and 1 preceding), 0) as bytes_before
        from (
          select event_position, stream_version from public.message_event_places
           where stream_id = p_stream and stream_version >= p_from_version order by stream_version limit p_rows
        ) p
        left join lateral (select event_bytes from public.message_events where event_position = p.event_position limit 1) m on true
    ) sized;
  return query
    select json_build_array(lpad(p.event_position::text, 12, '0'), p_stream, p.stream_version, p.recorded_at, m.event)
      from (
        select * from public.message_event_places
         where stream_id = p_stream and stream_version >= p_from_version and stream_version <= v_last order by stream_version limit p_rows
      ) p
     cross join lateral (select event from public.message_events where event_position = p.event_position limit 1) m;
  return next json_build_object('more', v_rows = p_rows or coalesce(v_bytes >= p_bytes, false), 'last', v_last);
end
$$;

-- {"event": [position, streamId, version, recordedAt, event] or null}
create or replace function public.find_message_event(p_key text) returns json
  language plpgsql stable security definer
  set search_path = '' set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
  v_event json;
begin
  select json_build_array(lpad(m.event_position::text, 12, '0'), m.stream_id, m.stream_version, m.recorded_at, m.event)
    into v_event
    from public.message_event_places p
    join public.message_events m on m.event_position = p.event_position
   where p.idempotency_key = p_key;
  return json_build_object('event', v_event);
end
$$;

-- Opening ------------------------------------------------------------------------------------------------------------------------------

-- {"logId", "schemaVersion", "server"}: asked once by each store, before anything else.
create or replace function public.open_message_log() returns json
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return (select json_build_object('logId', log_id, 'schemaVersion', schema_version, 'server', version()) from public.message_log where only_row);
end
$$;

-- Checkpoints --------------------------------------------------------------------------------------------------------------------------

create or replace function public.save_message_checkpoint(p_consumer text, p_position text) returns json
  language plpgsql security definer set search_path = ''
as $$
begin
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  insert into public.consumer_checkpoints (consumer_id, event_position, saved_at) values (p_consumer, p_position, clock_timestamp())
  on conflict (consumer_id) do update set event_position = excluded.event_position, saved_at = excluded.saved_at;
  return json_build_object('saved', true);
end
$$;

create or replace function public.load_message_checkpoint(p_consumer text) returns json
  language plpgsql stable security definer set search_path = ''
as $$
begin
  return json_build_object('position', (select event_position from public.consumer_checkpoints where consumer_id = p_consumer));
end
$$;

-- Health -------------------------------------------------------------------------------------------------------------------------------

-- {"schemaVersion", "server", "newest", "problems": [{"problem", "remedy", "warning"}, …]}: what `doctor` asks. A problem with "warning" is
-- a risk; the log works.
create or replace function public.check_message_events() returns json
  language plpgsql stable security definer set search_path = ''
as $$
declare
  v_again    constant text := 'Run create-message-events-table.sql again';
  v_problems json[] := '{}';
  v_tables   regclass[];
  v_found    text;
  v_replicas    integer;
  v_synchronous integer;
  v_visible     integer;
begin
  select array_agg(t) into v_tables from (
    select 'public.message_event_places'::regclass union all select 'public.message_events'::regclass
    union all select inhrelid::regclass from pg_inherits where inhparent = 'public.message_events'::regclass
  ) as all_tables (t);

  select string_agg(t::text, ', ') into v_found from unnest(v_tables) as t where not exists (
    select from pg_trigger where tgrelid = t and tgname = 'refuse_change' and tgenabled in ('O', 'A')
  );
  if v_found is not null then
    v_problems := v_problems || json_build_object('problem', v_found || ' can be changed: the trigger is missing or disabled', 'remedy', v_again);
  end if;

  select string_agg(c.oid::regclass::text, ', ') into v_found from pg_class c
   where (c.oid = any (v_tables) or c.oid = 'public.consumer_checkpoints'::regclass) and not c.relrowsecurity;
  if v_found is not null then
    v_problems := v_problems || json_build_object('problem', 'Row-level security is off for ' || v_found, 'remedy', v_again);
  end if;

  select string_agg(distinct format('%s (%s)', grants.grantee, grants.privilege), ', ') into v_found from (
    select coalesce(r.rolname, 'public') as grantee, a.privilege_type || ' on ' || c.oid::regclass as privilege
      from pg_class c cross join lateral aclexplode(c.relacl) a left join pg_roles r on r.oid = a.grantee
     where c.oid = any (v_tables) and a.grantee <> c.relowner
       and not (a.privilege_type = 'SELECT' and coalesce(r.rolname, 'public') not in ('public', 'anon', 'authenticated'))
    union all
    select coalesce(r.rolname, 'public'), 'EXECUTE on ' || p.proname
      from pg_proc p cross join lateral aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a left join pg_roles r on r.oid = a.grantee
     where p.pronamespace = 'public'::regnamespace and p.prosecdef and p.proname like '%\_message\_%'
       and coalesce(r.rolname, 'public') in ('public', 'anon', 'authenticated')
  ) grants;
  if v_found is not null then
    v_problems := v_problems || json_build_object('problem', 'Too many privileges: ' || v_found, 'remedy', v_again || ', or revoke them');
  end if;

  if (select coalesce(max(event_position), 0) from public.message_event_places) >= (select partitioned_to - 1 from public.message_log) then
    v_problems := v_problems || json_build_object(
      'problem', 'There is no partition for the next event', 'remedy', 'As the owner: select public.add_message_events_partition()');
  end if;
  if current_setting('fsync') = 'off' then
    v_problems := v_problems || json_build_object(
      'problem', 'The server runs with fsync off: a crash of the machine can take acknowledged events', 'remedy', 'Set fsync = on');
  end if;
  if current_setting('default_transaction_isolation') <> 'read committed' then
    v_problems := v_problems || json_build_object(
      'problem', 'default_transaction_isolation is ' || current_setting('default_transaction_isolation') || ': appends are refused',
      'remedy', 'Set it to read committed for the role that appends');
  end if;
  select string_agg(distinct blocker::text, ', ') into v_found
    from pg_locks w cross join unnest(pg_blocking_pids(w.pid)) as blocker
   where not w.granted and w.waitstart < now() - interval '2 seconds' and exists (
     select from pg_locks r
      where r.pid = w.pid and r.granted and r.mode = 'RowShareLock' and r.relation = 'public.message_log'::regclass
        and r.database = (select oid from pg_database where datname = current_database())
   ) and not exists (select from pg_locks b where b.pid = blocker and not b.granted);
  if v_found is not null then
    v_problems := v_problems || json_build_object(
      'problem', 'Appends wait for seconds behind the session ' || v_found, 'remedy', 'select pg_terminate_backend(' || v_found || ')');
  end if;

  if pg_is_in_recovery() then
    v_problems := v_problems || json_build_object(
      'problem', 'The server is a standby: it takes no appends, and may be behind what was acknowledged', 'remedy', 'Connect to the primary');
  elsif current_setting('transaction_read_only') = 'on' then
    v_problems := v_problems || json_build_object(
      'problem', 'The database is read-only (default_transaction_read_only): appends are refused', 'remedy',
      'Set it to off for the role, or make space on a disk that is full');
  else
    -- Subscribers of logical replication, such as Supabase Realtime, and base backups are no replicas. Details are hidden from most roles.
    select count(*), count(*) filter (where r.sync_state in ('sync', 'quorum')), count(r.sync_state)
      into v_replicas, v_synchronous, v_visible
      from pg_stat_replication r
     where r.state is distinct from 'backup'
       and not exists (select from pg_replication_slots s where s.active_pid = r.pid and s.slot_type = 'logical');
    if v_replicas > 0 and (
      current_setting('synchronous_standby_names') = '' or current_setting('synchronous_commit') = 'local' or v_visible > 0 and v_synchronous = 0
    ) then
      v_problems := v_problems || json_build_object(
        'problem', v_replicas || ' replicas are attached and none is synchronous: a failover to one may lose the newest acknowledged events',
        'remedy', 'Set synchronous_standby_names (and leave synchronous_commit on), or accept the loss and never promote a replica that is behind',
        'warning', true);
    end if;
  end if;
  return json_build_object(
    'schemaVersion', (select schema_version from public.message_log),
    'server', version(),
    'newest', (select lpad(max(event_position)::text, 12, '0') from public.message_event_places),
    'problems', array_to_json(v_problems)
  );
end
$$;

-- Who may what -------------------------------------------------------------------------------------------------------------------------

do $$
declare
  v_function regprocedure;
  v_role     text;
begin
  insert into public.message_log (schema_version) select 1 where not exists (select from public.message_log);
  -- A log of an older release gets its name now, and the numbered files are run over it again. Bytes 6 and 7 of a random UUID are not random.
  update public.message_log
     set schema_version = 1, log_id = (
       select string_agg(substr('abcdefghijklmnopqrstuvwxyz234567', 1 + get_byte(bytes, place) % 32, 1), '')
         from (select uuid_send(gen_random_uuid()) as bytes offset 0) as random, unnest(array[0, 1, 2, 3, 4, 5, 8, 9]) as place
     )
   where log_id is null;
  alter table public.message_log alter column log_id set not null;
  if (select partitioned_to = 1 from public.message_log) then
    perform public.add_message_events_partition();
  end if;

  perform public.close_message_log_table('public.message_events');
  perform public.close_message_log_table('public.message_event_places');
  perform public.close_message_log_table(inhrelid::regclass) from pg_inherits where inhparent = 'public.message_events'::regclass;

  alter table public.message_log enable row level security;
  alter table public.consumer_checkpoints enable row level security;
  revoke all on table public.message_log, public.consumer_checkpoints from public;

  -- Supabase grants everything new in public to its API roles, so what is not meant for them is taken back.
  for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on table public.message_log, public.consumer_checkpoints from %I', v_role);
  end loop;
  for v_function in
    select p.oid::regprocedure from pg_proc p
     where p.pronamespace = 'public'::regnamespace and p.proname in (
       'append_message_events', 'open_message_log', 'find_message_event', 'read_message_events', 'read_message_stream', 'save_message_checkpoint',
       'load_message_checkpoint', 'check_message_events', 'add_message_events_partition',
       'close_message_log_table', 'refuse_message_log_change')
  loop
    execute format('revoke all on function %s from public', v_function);
    for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
      execute format('revoke all on function %s from %I', v_function, v_role);
    end loop;
  end loop;

  -- The backend reads and appends. On plain PostgreSQL the owner does, or a role that is granted the same.
  if exists (select from pg_roles where rolname = 'service_role') then
    grant select on table public.message_events, public.message_event_places, public.consumer_checkpoints to service_role;
    grant execute on function public.append_message_events, public.open_message_log, public.find_message_event, public.read_message_events,
      public.read_message_stream, public.save_message_checkpoint, public.load_message_checkpoint, public.check_message_events
      to service_role;
  end if;
end
$$;

-- PostgREST looks for functions in a cache of its own (https://docs.postgrest.org/en/v14/references/schema_cache.html).
notify pgrst, 'reload schema';
