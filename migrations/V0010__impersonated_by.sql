-- An event may now say who impersonated its user: headers -> 'impersonatedBy', {"name": …, "groups": […]}. Where it stands, it is one more
-- netstring at the end of what is hashed, as jsonb text; where it does not, the hash is what it was. So every hash of before holds, and
-- a process of the release before, which never writes the member, appends as it did.
CREATE OR REPLACE FUNCTION eventstore.revision_hash_1(
    before bytea, revision bigint, uid uuid, version bigint, type text, time_us bigint, user_name text, headers jsonb, request text, data jsonb)
RETURNS bytea LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $function$
DECLARE
    groups       text := headers -> 'groups';
    agent        text := headers ->> 'userAgent';
    address      text := headers ->> 'sourceAddress';
    content      text := data;
    impersonator text := headers -> 'impersonatedBy';
BEGIN
    RETURN sha256(convert_to(concat(
        '64:', encode(before, 'hex'),
        ',', length(revision::text), ':', revision,
        ',36:', uid,
        ',', length(version::text), ':', version,
        ',', octet_length(type), ':', type,
        ',', length(time_us::text), ':', time_us,
        ',', octet_length(user_name), ':', user_name,
        ',', octet_length(groups), ':', groups,
        ',', octet_length(agent), ':', agent,
        ',', octet_length(address), ':', address,
        ',', octet_length(request), ':', request,
        ',', octet_length(content), ':', content, ',',
        octet_length(impersonator) || ':' || impersonator || ','), 'UTF8'));
END
$function$;
