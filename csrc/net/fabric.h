/* Headers that carry Ethernet frames or IP packets across a fabric, a service chain or a mesh: NSH,
 * TRILL, FabricPath, batman-adv. Knows nothing of the routes that they describe. Used by
 * ethernet.c, gre.c, udp_tunnel.c and decapsulation.c. */
#ifndef MT_NET_FABRIC_H
#define MT_NET_FABRIC_H

#include "net/layers.h"

/* Each reads the header after its EtherType. Result as in layers.h. */
int mt_read_nsh(struct mt_layers *layers);
int mt_read_trill(struct mt_layers *layers);
int mt_read_fabric_path(struct mt_layers *layers);
int mt_read_batman(struct mt_layers *layers);

#endif
