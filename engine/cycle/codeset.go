package cycle

import "hash/maphash"

// maxCodes bounds the codes that a forecast remembers: in 270 MB.
const maxCodes = 20_000_000

// codeSet remembers codes by 8-byte hashes, in open addressing: 11 to 21 bytes a code and no pointers. Among 20 million
// codes the chance that two different ones are taken for the same is 1 in 90,000.
//
// It is split into parts that grow each on its own, so that growing never needs twice the memory.
type codeSet struct {
	seed  maphash.Seed
	parts [256]hashes
	left  int
	full  bool // codes were left out
}

// hashes is a table of a power of two of slots, at most three quarters of them taken; 0 marks a free one.
type hashes struct {
	slots []uint64
	taken int
}

func newCodeSet(limit int) *codeSet { return &codeSet{seed: maphash.MakeSeed(), left: limit} }

// hash gives a code's hash, never 0.
func (s *codeSet) hash(code string) uint64 { return max(maphash.String(s.seed, code), 1) }

// add remembers a hash, and reports whether it was there already. Once the set is full it only looks.
func (s *codeSet) add(hash uint64) bool {
	part := &s.parts[hash>>56]
	if part.find(hash) {
		return true
	}
	if s.left == 0 {
		s.full = true
		return false
	}
	s.left--
	part.insert(hash)
	return false
}

// slot is where a hash is, or would be.
func (h *hashes) slot(hash uint64) int {
	mask := len(h.slots) - 1
	at := int(hash&0x7fff_ffff) & mask
	for h.slots[at] != 0 && h.slots[at] != hash {
		at = (at + 1) & mask
	}
	return at
}

func (h *hashes) find(hash uint64) bool { return len(h.slots) > 0 && h.slots[h.slot(hash)] == hash }

func (h *hashes) insert(hash uint64) {
	if 4*(h.taken+1) > 3*len(h.slots) {
		old := h.slots
		h.slots = make([]uint64, max(16, 2*len(old)))
		for _, o := range old {
			if o != 0 {
				h.slots[h.slot(o)] = o
			}
		}
	}
	h.slots[h.slot(hash)] = hash
	h.taken++
}
