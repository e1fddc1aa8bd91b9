-- Schema 2: retention. After create-message-events-table.sql; safe to run again.

-- Detaches the partitions of message_events whose events were all recorded before p_before, and names them. Nothing is deleted: each is
-- a table of its own then, still closed and append-only; dump it, and drop it. The places stay, so keys stay known, versions and
-- positions go on, and a repeat of a detached event is still a repeat. The partition that is written to is never detached.
-- For the owner alone. Detaching waits for readers, 4 seconds at most, and holds up appends as long.
create or replace function public.detach_message_events_before(p_before timestamptz) returns setof text
  language plpgsql set search_path = '' set lock_timeout = '4s'
as $$
declare
  v_partition record;
begin
  perform from public.message_log where only_row for update;
  for v_partition in
    select child.oid::regclass as partition_name, lead(bound.first_position) over (order by bound.first_position) as next_position
      from pg_inherits i
      join pg_class child on child.oid = i.inhrelid
     cross join lateral (select substring(child.relname from '^message_events_from_([0-9]+)$')::bigint as first_position) bound
     where i.inhparent = 'public.message_events'::regclass
     order by bound.first_position
  loop
    exit when v_partition.next_position is null
      or coalesce((select max(event_position) from public.message_event_places), 0) < v_partition.next_position
      or (select recorded_at >= p_before from public.message_event_places where event_position = v_partition.next_position - 1);
    execute format('alter table public.message_events detach partition %s', v_partition.partition_name);
    return next v_partition.partition_name::text;
  end loop;
end
$$;

do $$
declare
  v_role text;
begin
  revoke all on function public.detach_message_events_before from public;
  for v_role in select rolname from pg_roles where rolname in ('anon', 'authenticated', 'service_role') loop
    execute format('revoke all on function public.detach_message_events_before from %I', v_role);
  end loop;
  update public.message_log set schema_version = greatest(schema_version, 2);
end
$$;
