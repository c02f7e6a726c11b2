/* Tunnels in UDP, by their ports: VXLAN, VXLAN-GPE, GENEVE, GRE and MPLS in UDP, LISP, Teredo, GTP,
 * L2TP and mirrors; and IP packets that begin right after the UDP header. Knows nothing of the IP
 * packet around. Used by decapsulation.c. */
#ifndef MT_NET_UDP_TUNNEL_H
#define MT_NET_UDP_TUNNEL_H

#include "net/layers.h"

/* A UDP datagram. The destination port names the tunnel (4789, 8472: VXLAN; 4790: VXLAN-GPE; 6081:
 * GENEVE; 4754: GRE; 6635: MPLS; 4341: LISP; 30030: jmirror; 37008: TZSP), or either port does
 * (1701: L2TP; 2152, 3386: GTP; 3544: Teredo; 5247: CAPWAP). On layers->ports, VXLAN and IP are
 * distinguished by their first bytes. On any other port, an IP packet that fills the datagram and
 * holds a TCP segment is one. Whatever is not such a tunnel is UDP, or on the usual ports of
 * encrypted tunnels MT_SKIP_UDP. Result as in layers.h. */
int mt_read_udp(struct mt_layers *layers);

#endif
