-- The ledger and the audit trail name SKUs, locations and channels by numbers. Whose code could be changed, or who could
-- be taken away and made anew under the same number, would stand there for somebody else: so codes stay.
CREATE FUNCTION refuse_renaming() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% keeps its code', tg_table_name USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER sku_keeps_its_code BEFORE UPDATE ON sku
    FOR EACH ROW WHEN (old.code <> new.code OR old.sku_id <> new.sku_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER location_keeps_its_code BEFORE UPDATE ON location
    FOR EACH ROW WHEN (old.code <> new.code OR old.location_id <> new.location_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER channel_keeps_its_code BEFORE UPDATE ON channel
    FOR EACH ROW WHEN (old.code <> new.code OR old.channel_id <> new.channel_id) EXECUTE FUNCTION refuse_renaming();
CREATE TRIGGER channel_stays BEFORE DELETE ON channel FOR EACH ROW EXECUTE FUNCTION refuse_renaming();
