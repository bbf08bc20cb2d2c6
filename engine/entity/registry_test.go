package entity_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

func tableColumn(e *entity.Entity, name string) (entity.TableColumn, bool) {
	for _, c := range e.Table.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return entity.TableColumn{}, false
}

func TestParentsComeBeforeChildren(t *testing.T) {
	t.Parallel()
	var names []string
	for _, e := range entity.All() {
		for _, p := range e.Parents {
			require.Contains(t, names, p.Entity, "%s comes before its parent", e.Name)
		}
		names = append(names, e.Name)
	}
	require.Equal(t, []string{"loyalty_card", "loyalty_point_move", "loyalty_point_history"}, names)
}

func TestAnEntityIsFoundByTheNameOfItsTable(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		found, ok := entity.Find(e.Name)
		require.True(t, ok)
		require.Same(t, e, found)
		found, err := entity.Lookup(e.Name)
		require.NoError(t, err)
		require.Same(t, e, found)
	}
	_, ok := entity.Find("res_partner")
	require.False(t, ok)
	_, err := entity.Lookup("res_partner")
	require.ErrorContains(t, err, `does not know the entity "res_partner"`)
}

func TestChildrenAreThoseThatNameTheirParent(t *testing.T) {
	t.Parallel()
	require.Equal(t, []*entity.Entity{entity.Move, entity.History}, sorted(entity.Card.Children()))
	require.Equal(t, []*entity.Entity{entity.History}, entity.Move.Children())
	require.Empty(t, entity.History.Children())
}

// sorted puts entities into the order of All.
func sorted(some []*entity.Entity) []*entity.Entity {
	var out []*entity.Entity
	for _, e := range entity.All() {
		for _, s := range some {
			if s == e {
				out = append(out, e)
			}
		}
	}
	return out
}

func TestTheCallerMayReorderWhatAllGives(t *testing.T) {
	t.Parallel()
	all := entity.All()
	all[0], all[1] = all[1], all[0]
	require.Same(t, entity.Card, entity.All()[0])
}

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	unique := func(kind, name string) {
		require.NotEmpty(t, name, kind)
		require.False(t, seen[kind+" "+name], "two %ss are called %s", kind, name)
		seen[kind+" "+name] = true
	}
	for _, e := range entity.All() {
		unique("entity", e.Name)
		unique("prefix", e.Short)
		unique("relation", e.Target)
		for _, r := range e.Rules {
			unique("rule", r.Name)
			require.True(t, strings.HasPrefix(r.Name, e.Short+"."), "%s of %s", r.Name, e.Name)
			require.NotEmpty(t, r.Why)
		}
		for _, c := range e.Columns {
			unique("source column of "+e.Name, c.Source)
		}
		for _, c := range e.Table.Columns {
			unique("column of "+e.Target, c.Name)
		}
		for _, u := range e.Table.Unique {
			unique("relation", u.Name)
		}
		for _, i := range e.Table.Indexes {
			unique("relation", i.Name)
		}
		for _, f := range e.Table.ForeignKeys {
			unique("foreign key", f.Name)
		}
	}
}

func TestEveryColumnThatIsWrittenExists(t *testing.T) {
	t.Parallel()
	types := map[entity.Kind]string{
		entity.KindInt: "bigint", entity.KindText: "text", entity.KindPoints: "numeric(18,2)", entity.KindTime: "timestamp with time zone",
	}
	for _, e := range entity.All() {
		has := func(name, columnType string) {
			c, ok := tableColumn(e, name)
			require.True(t, ok, "%s has no column %s", e.Target, name)
			require.Equal(t, columnType, c.Type, "%s.%s", e.Target, name)
		}
		has("id", "bigint")
		has(e.OdooID, "bigint")
		has("synced_to_odoo", "boolean")
		has("sync_version", "bigint")
		for _, c := range e.Columns {
			if c.Target != "" {
				has(c.Target, types[c.Kind])
			}
		}
		for _, p := range e.Parents {
			require.Equal(t, entity.KindInt, e.Columns[p.Column].Kind)
			if p.Link != "" {
				has(p.Link, "bigint")
			}
		}
		for _, d := range e.Derived {
			has(d.Target, types[e.Columns[d.From].Kind])
		}
		for _, u := range e.Table.Unique {
			_, ok := tableColumn(e, u.Column)
			require.True(t, ok, "%s is on a column that %s does not have", u.Name, e.Target)
		}
		for _, name := range e.InsertColumns() {
			_, ok := tableColumn(e, name)
			require.True(t, ok, "%s has no column %s", e.Target, name)
		}
	}
}

func TestEveryParentIsAForeignKey(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		keys := map[string]string{}
		for _, f := range e.Table.ForeignKeys {
			keys[f.Column] = f.References
		}
		for _, p := range e.Parents {
			at := p.Link
			if at == "" {
				at = e.Columns[p.Column].Target
			}
			parent, err := entity.Lookup(p.Entity)
			require.NoError(t, err)
			require.Equal(t, parent.Target, keys[at], "%s.%s", e.Target, at)
			delete(keys, at)
		}
		require.Empty(t, keys, "%s points at tables that are no parents", e.Target)
	}
}

func TestANewRowFillsEveryColumnThatNeedsAValue(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		for _, c := range e.Table.Columns {
			if c.NotNull && c.Default == "" {
				require.Contains(t, e.InsertColumns(), c.Name, e.Target)
			}
		}
		require.NotContains(t, e.InsertColumns(), "synced_to_odoo", "that column is the engine's")
		require.NotContains(t, e.InsertColumns(), "sync_version", "that column is the engine's")
	}
}

func TestTheColumnsOfATupleAreInTheirOrder(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{
		"id", "odoo_card_id", "code", "partner_id", "program_id", "odoo_points", "created_at", "updated_at",
	}, entity.Card.MappedColumns())
	require.Equal(t, append(entity.Card.MappedColumns()[:8:8], "points"), entity.Card.InsertColumns())
	require.Equal(t, []string{
		"id", "odoo_move_id", "loyalty_card_id", "membership_product_id", "gain_date", "expiration_date",
		"initial_point", "remaining_point", "state", "origin", "created_at", "updated_at",
	}, entity.Move.MappedColumns())
	require.Equal(t, []string{
		"id", "odoo_history_id", "loyalty_card_id", "odoo_move_id", "point_move_id", "points_amount", "points_balance",
		"transaction_time", "origin", "membership_product_id", "status_membership_product_id", "created_at",
	}, entity.History.MappedColumns())
	for _, e := range entity.All()[1:] {
		require.Equal(t, e.MappedColumns(), e.InsertColumns())
	}
}

func TestOnlyCardsHaveACode(t *testing.T) {
	t.Parallel()
	require.Equal(t, "code", entity.Card.Columns[entity.Card.Code].Source)
	require.Equal(t, -1, entity.Move.Code)
	require.Equal(t, -1, entity.History.Code)
}
