package check

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"ferry/engine"
)

// PlanHash names the items of a plan, as they were planned: two plans with the same name would do the same. Items are in the
// plan's order; what became of them does not count.
func PlanHash(items []engine.RepairItem) (string, error) {
	h := sha256.New()
	lines := json.NewEncoder(h) // writes maps in the order of their keys
	for _, it := range items {
		if err := lines.Encode(it); err != nil {
			return "", fmt.Errorf("naming a plan: %w", err)
		}
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ShortHash is how many digits of a plan's hash an operator must say at least.
const ShortHash = 12
