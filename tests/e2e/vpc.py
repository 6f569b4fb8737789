# SPDX-License-Identifier: MIT
"""A subnet as the tasks of mode awsvpc see it: each network namespace gets an
interface eth0 with addresses of both families, as the ECS CNI plugins move an
elastic network interface there. What AWS routes between, a bridge carries here;
the host is in the subnet with an address of its own."""

import ipaddress
import subprocess
import threading

BRIDGE = "vpc0"
SUBNET = ipaddress.ip_network("10.1.0.0/16")
SUBNET6 = ipaddress.ip_network("fd0a:1::/64")


def ip(commands, *prefix):
    """ip -batch: one program for all. prefix: what it is run by."""
    subprocess.run([*prefix, "ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True)


class Interface:
    """Number 1 is the host's, others are the tasks'."""

    def __init__(self, number):
        self.number = number
        self.address = str(SUBNET[number])
        self.address6 = str(SUBNET6[number])

    @property
    def with_masks(self):
        return f"{self.address}/{SUBNET.prefixlen}", f"{self.address6}/{SUBNET6.prefixlen}"

    def as_agent_tells(self):
        """Its part of a container's Networks in the agent's words."""
        return {"IPv4Addresses": [self.address], "IPv6Addresses": [self.address6],
                "IPv4SubnetCIDRBlock": str(SUBNET), "IPv6SubnetCIDRBlock": str(SUBNET6),
                "SubnetGatewayIpv4Address": f"{SUBNET[1]}/{SUBNET.prefixlen}"}


class Vpc:
    def __init__(self):
        """Docker must be up: it forwards nothing that it does not know."""
        self.lock = threading.Lock()
        self.last = 1
        self.host = Interface(1)
        address, address6 = self.host.with_masks
        ip([f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up", f"address add {address} dev {BRIDGE}",
            f"address add {address6} dev {BRIDGE} nodad"])
        for way in "--in-interface", "--out-interface":
            subprocess.run(["iptables", "--insert", "DOCKER-USER", way, BRIDGE, "--jump", "ACCEPT"], check=True)

    def new_interface(self):
        with self.lock:
            self.last += 1
            return Interface(self.last)

    def attach(self, namespace):
        """Gives a network namespace, by a process in it or by name, its interface."""
        interface = self.new_interface()
        outside = f"eni{interface.number}"
        path = f"/proc/{namespace}/ns/net" if isinstance(namespace, int) else f"/run/netns/{namespace}"
        address, address6 = interface.with_masks
        ip([f"link add {outside} type veth peer name eth0 netns {namespace}", f"link set {outside} master {BRIDGE} up"])
        inside = ["nsenter", f"--net={path}"]
        # Docker switches IPv6 off where it gives no address.
        subprocess.run([*inside, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=0"], check=True)
        ip(["link set lo up", f"address add {address} dev eth0", "link set eth0 up",
            f"address add {address6} dev eth0 nodad", f"route add default via {self.host.address}"], *inside)
        return interface
