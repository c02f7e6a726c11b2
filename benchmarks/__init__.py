"""Speed and memory of the decoder, side by side with a bare libpcap loop, dpkt and tshark, on
captures shaped like a node's traffic.
"""
