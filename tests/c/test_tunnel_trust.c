/* Which tunnels are trusted. */
#include "tunnel_trust.h"

#include "support/check.h"

static const struct mt_ip ends[2] = {{{10, 0, 0, 1}, 4}, {{10, 0, 0, 2}, 4}};
static const struct mt_tunnel known = {
    .key = 7, .source = {{10, 0, 0, 2}, 4}, .destination = {{10, 0, 0, 1}, 4}, .count = 1};
static const struct mt_tunnel other = {
    .key = 9, .source = {{10, 0, 0, 3}, 4}, .destination = {{10, 0, 0, 1}, 4}, .count = 1};
static const struct mt_tunnel mpls = {.count = 1};

static void test_ends(void)
{
    struct mt_tunnel_trust trust = {.ends = ends, .ends_count = 2};
    CHECK(mt_tunnel_is_trusted(&trust, &known));
    CHECK(!mt_tunnel_is_trusted(&trust, &other)); /* one end alone proves nothing */
    CHECK(mt_tunnel_is_trusted(&trust, &mpls));
    trust.ends_count = 0;
    CHECK(!mt_tunnel_is_trusted(&trust, &known));
}

static void test_only_tunnel(void)
{
    struct mt_tunnel_trust trust = {0};
    mt_tunnel_trust_note(&trust, 9);
    mt_tunnel_trust_note(&trust, 9);
    CHECK(mt_tunnel_is_trusted(&trust, &other));
    CHECK(!mt_tunnel_is_trusted(&trust, &known));
    mt_tunnel_trust_note(&trust, 0); /* a plain connection */
    CHECK(!mt_tunnel_is_trusted(&trust, &other));
    mt_tunnel_trust_note(&trust, 9);
    CHECK(!mt_tunnel_is_trusted(&trust, &other));
    CHECK(mt_tunnel_is_trusted(&trust, &mpls));
}

int main(void)
{
    test_ends();
    test_only_tunnel();
    FINISH("tunnel_trust");
}
