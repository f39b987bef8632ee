"""A Modbus device made of pymodbus, which shares no code with ours.

    pymodbus_device.py tcp | rtu | tls CERTIFICATE KEY AUTHORITY

Modbus TCP, RTU frames over TCP, or Modbus TCP in TLS for those who have a certificate of the authority. Units 1, 2 and 3,
each with tables of its own, are behind every connection.

Says {"port": N}, then answers lines of JSON on its input with lines of JSON. Each may say "unit": N, which is 1 otherwise:

    {"set": TYPE, "byte": ">" or "<", "word": ">" or "<", "address": N, "value": V}    in holding and input registers
    {"get": TYPE, "byte": …, "word": …, "address": N}
    {"bits": TABLE, "address": N}    {"put": TABLE, "address": N, "value": V}
    {"asked": true}    what a master has asked of the unit since this was asked last: [function code, address, count] each
"""

import asyncio
import json
import logging
import ssl
import sys

from pymodbus.constants import Endian
from pymodbus.datastore import ModbusSequentialDataBlock, ModbusServerContext, ModbusSlaveContext
from pymodbus.device import ModbusDeviceIdentification
from pymodbus.payload import BinaryPayloadBuilder, BinaryPayloadDecoder
from pymodbus.server.async_io import ModbusTcpServer, ModbusTlsServer
from pymodbus.transaction import ModbusRtuFramer, ModbusSocketFramer

# It calls a connection that ends an error.
logging.disable(logging.ERROR)

HOLDING, INPUT, COILS, INPUTS = 3, 4, 1, 2
TABLES = {"holding": HOLDING, "input": INPUT, "coil": COILS, "discrete": INPUTS}
BUILD = {
    "int16": "add_16bit_int", "uint16": "add_16bit_uint", "int32": "add_32bit_int", "uint32": "add_32bit_uint",
    "int64": "add_64bit_int", "uint64": "add_64bit_uint", "float32": "add_32bit_float", "float64": "add_64bit_float",
}
DECODE = {name: method.replace("add_", "decode_") for name, method in BUILD.items()}
ENDS = {">": Endian.Big, "<": Endian.Little}


def block():
    return ModbusSequentialDataBlock(0, [0] * 200)


class Unit(ModbusSlaveContext):
    """A unit that remembers what it was asked: the server has each request validated, once, before it does it."""

    def __init__(self):
        super().__init__(di=block(), co=block(), hr=block(), ir=block(), zero_mode=True)
        self.asked = []

    def validate(self, fc_as_hex, address, count=1):
        self.asked.append([fc_as_hex, address, count])
        return super().validate(fc_as_hex, address, count)


units = {number: Unit() for number in (1, 2, 3)}


def obey(line):
    word = json.loads(line)
    store = units[word.get("unit", 1)]
    if "asked" in word:
        asked, store.asked = store.asked, []
        return {"asked": asked}
    address = word["address"]
    if "set" in word:
        builder = BinaryPayloadBuilder(byteorder=ENDS[word["byte"]], wordorder=ENDS[word["word"]])
        getattr(builder, BUILD[word["set"]])(word["value"])
        for table in (HOLDING, INPUT):
            store.setValues(table, address, builder.to_registers())
        return {}
    if "get" in word:
        registers = store.getValues(HOLDING, address, 4)
        decoder = BinaryPayloadDecoder.fromRegisters(
            registers, byteorder=ENDS[word["byte"]], wordorder=ENDS[word["word"]]
        )
        # A decoder reorders all that it is given: give it what the type takes.
        size = {"16": 1, "32": 2, "64": 4}[word["get"][-2:]]
        decoder = BinaryPayloadDecoder.fromRegisters(
            registers[:size], byteorder=ENDS[word["byte"]], wordorder=ENDS[word["word"]]
        )
        return {"value": getattr(decoder, DECODE[word["get"]])()}
    if "put" in word:
        store.setValues(TABLES[word["put"]], address, [word["value"]])
        return {}
    return {"value": int(store.getValues(TABLES[word["bits"]], address, 1)[0])}


def server_of(context, identity, kind, *files):
    about = {"identity": identity, "address": ("127.0.0.1", 0)}
    if kind == "rtu":
        return ModbusTcpServer(context, framer=ModbusRtuFramer, **about)
    if kind == "tls":
        certificate, key, authority = files
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.load_cert_chain(certificate, key)
        secured.load_verify_locations(authority)
        secured.verify_mode = ssl.CERT_REQUIRED
        # Its own framer for TLS leaves the header out, which MB-TCP-Security-v36 does not.
        return ModbusTlsServer(context, framer=ModbusSocketFramer, sslctx=secured, **about)
    return ModbusTcpServer(context, **about)


async def main():
    identity = ModbusDeviceIdentification(
        info_name={"VendorName": "Witness", "ProductCode": "PY", "MajorMinorRevision": "3.0", "ModelName": "pymodbus"}
    )
    context = ModbusServerContext(slaves=units, single=False)
    server = server_of(context, identity, *sys.argv[1:])
    serving = asyncio.ensure_future(server.serve_forever())
    while not getattr(server, "server", None) or not server.server.sockets:
        await asyncio.sleep(0.01)
    print(json.dumps({"port": server.server.sockets[0].getsockname()[1]}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(obey(line)), flush=True)
    serving.cancel()


asyncio.run(main())
