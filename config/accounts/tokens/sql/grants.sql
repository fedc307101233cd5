-- Gives tokens_grants a new version whenever the permissions of any token may have changed, in any way. The columns that
-- every login and every use of a token updates don't count, and neither does a new user or token, which grants nothing yet.

CREATE OR REPLACE FUNCTION tokens_grants_renew() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tokens_grants SET version = gen_random_uuid();
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER tokens_token_grants AFTER UPDATE OF user_id, name, public_id, digest, expires_at, revoked_at OR DELETE OR TRUNCATE ON tokens_token
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

CREATE OR REPLACE TRIGGER auth_user_grants AFTER UPDATE OF username, is_active, is_superuser OR DELETE OR TRUNCATE ON auth_user
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

CREATE OR REPLACE TRIGGER auth_user_groups_grants AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON auth_user_groups
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

CREATE OR REPLACE TRIGGER auth_user_user_permissions_grants AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON auth_user_user_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

CREATE OR REPLACE TRIGGER auth_group_permissions_grants AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON auth_group_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

CREATE OR REPLACE TRIGGER auth_permission_grants AFTER UPDATE OR DELETE OR TRUNCATE ON auth_permission
    FOR EACH STATEMENT EXECUTE FUNCTION tokens_grants_renew();

-- Fails the transaction unless tokens still grant what they granted at this version. Does nothing if the version is null.
CREATE OR REPLACE FUNCTION tokens_require(expected uuid) RETURNS void LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF expected <> (SELECT version FROM tokens_grants) THEN
        RAISE EXCEPTION 'What tokens grant has changed.' USING ERRCODE = 'TK001';
    END IF;
END $$;
