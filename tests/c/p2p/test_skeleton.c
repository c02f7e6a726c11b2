/* Skeletons of monerod's structs. */
#include "p2p/skeleton.h"

#include "support/check.h"

/* Values of an implementation of docs/fingerprint.md in another language. */
static void test_skeletons(void)
{
    CHECK(mt_skeleton_of(mt_message_schema_of(2010, 0)) == 0); /* nothing in it is always written */
    CHECK(mt_skeleton_of(&mt_schema_addr) == 0);
    uint64_t adr =
        mt_skeleton_entry(mt_skeleton_object(mt_skeleton_entry(0, "addr", 4, 12), 0), "type", 4, 8);
    CHECK(mt_skeleton_of(&mt_schema_adr) == adr);
    CHECK(
        mt_skeleton_of(&mt_schema_peer) ==
        mt_skeleton_entry(mt_skeleton_object(mt_skeleton_entry(0, "adr", 3, 12), adr), "id", 2, 5));
    CHECK(mt_skeleton_entry(0, "id", 2, 5) != mt_skeleton_entry(0, "id", 2, 6));
    CHECK(mt_skeleton_entry(0, "id", 2, 5) != mt_skeleton_entry(1, "id", 2, 5));
    CHECK(mt_skeleton_entry(0, "id", 2, 5) == UINT64_C(0x493F578E0CF1D17D));
    CHECK(mt_skeleton_of(&mt_schema_peer) == UINT64_C(0xDB8C1D8553C96926));
}

int main(void)
{
    test_skeletons();
    FINISH("skeleton");
}
