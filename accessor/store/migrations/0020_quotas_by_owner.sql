-- Quotas of machines and series go by whose a key or token is ("key:…", "jwt:…", as producers do), which stays when a key is rotated. Until now they
-- went by the key itself ("key …"), and each rotation began a new one.
create function owner_of_holder(p_holder text) returns text language sql stable as $$
  select case
    when p_holder not like 'key %' then p_holder
    else coalesce(
      (select 'key:' || identity from api_key where id = substr(p_holder, 5)),
      case when substr(p_holder, 5) ~ '^[\x21-\x7e]{1,200}$' then 'jwt:' || substr(p_holder, 5)
        else 'jwt-sha256:' || encode(sha256(convert_to(substr(p_holder, 5), 'UTF8')), 'hex') end)
  end
$$;

insert into registered (owner, machines, series)
  select owner_of_holder(owner), sum(machines), sum(series) from registered where owner like 'key %' group by 1
  on conflict (owner) do update
    set machines = registered.machines + excluded.machines, series = registered.series + excluded.series;
delete from registered where owner like 'key %';
update machine set owner = owner_of_holder(owner) where owner like 'key %';
update series set owner = owner_of_holder(owner) where owner like 'key %';

drop function owner_of_holder(text);
