"""HEIC files for machines without an encoder, and encoders where there are some.

The two files were made with pillow-heif (quality 80) from `smooth_image` of `test_read_photo`:
TURNED lies on its side with EXIF orientation 6, a 35 mm focal length of 26 mm and a profile with
the colourants of Display P3 and gamma 2.2; DEEP has 10 bits per channel.
"""

from __future__ import annotations

import base64
import importlib.util
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

TURNED = (
    r"c-muNV30{GsVvAy%}izhg51nBLl8SRGck>Ufw?s|wIq=N0u(b+a*CjAhJwuG5(YG2l9`haHpIn&fr)_;#A03vp&1w$gM"
    r"nf|!14zs!r%nN7MYoOX<!~mRusrd1uFxp$tX)UWIz&R1SxT?$OJ3rE66O#Wq_(=I+9sXQ~;zGXBH&q1I5aKdYu`WfkF%"
    r"uz>4HPF#P%Z;|Bu+KXU?5hlB$o599y;AO*}I70e(cw~NUk5h$tU#K?#yvp}Jdb=s>Z%XaSI$S_a<3NeES2E`<xayA#ng"
    r"T)6rfeyKloS#!vP?QgJAmfpo<lJH=2Vj8al@tZJJ1Im&Mkyc%R$_8-0Rvv}?HVMcF6%Oo4mgT{76R!fKrE6DVgCTJlfZ"
    r"079uT`IB*+=a2DwWh9l|yMv6CQd2N1iwqyQMvi~%6^DXGQ4_+?B1vJ(*gX}-_EV7veS|NpxYVqW_h7&e+SFmUZeh-p|b"
    r"FbHxpFr3(#Tv}8HbtfZ}F#`i3KEez{m_XbD2CU_oDX9$92O^op1u%0Rpjab0ClM5H29T5o76YcF{~w?!7?zR+3NkA)!8"
    r"w3~g9Au$W)|g_0232~WM)AwEJraiFtRl=F|)R`0Xb5cMX6~}3BKeMpzlC=2xtf6+}xBzP#pMcFs^6$@pQ&#m#9L{PwNa"
    r"kBr>;@E$mRXR%j^uD>1h@HfC+&JNBpHoKyE{eA_x_rf<PQsbcn*t%(XpK1;P+{k-jBQbV)iPNDk6ueO)4UAs`Ks<u8-w"
    r"wNVU!Sa3ikzIYFM|hS7gsNswx_#8Oee=Xv^&{PLtD`P%v(skk`DQdb<!3kJjT!Ivo|_t@9A@q4b@bM)2U-^jqpSHtcm<"
    r"SJsVP2isnt|Ex^cC+#Y)p7mxE`mKT}X*%-C!v@%vkAfJu*Fv#R90W&i#?om1R8<(Wx{fzpZ(pS|P7xHR`axw6u+fhln7"
    r"#m(JYv+vcV)fM=?>g3HkFTgQnaeHXqDZ$TXi6IM8JZ@Z^SFx?|Z!E8<t@$Q<%c%tnX^}2(`PXe{5Gh%{eVeOQOlrbh-A"
    r">;<+wL=0z0)f-{Pm+h+dliQl&{3OCw=deE}s8im%;K%yxVB=*`x?yK(j&06JK8jEl{RmU}6*kWqDAxW?*Q~WMF|tvl=A"
    r"6masx)r6BPH05d8tZU"
)
DEEP = (
    r"c-muNV30{GsVvAy&8%Pmg51nBLl8SRGck>Ufw3kxwIq=N0u(b+a*CjAhJwuG5(YG&l$n#C3}U!AFfalk5HK!)&_I?fkW"
    r"kLd%u9oCfmjsCNo9iaGRl$-K}^1a%#vKVl0TURMFl|mPG&)JK9DX2DsyIJ;Q%t{?f@y0`@rz$@2_7B4E)RqKpo-^j697"
    r"0|AQ1TgH<pCmF!}2NCe7hIWaP#N-R)lWVxBQ&MSL%Lt8TwNX!UCFbO09m9x1p9xOi43A95vIX|Z;FFB_ID9X#g)&LX|$"
    r"t*5Ng?ifoiZzmR5(}VgklPKQGzc*L|Ns93hz4STg3O9ckRUS`7Z;F{$SlZ(g)uPLSR0v`SzCZi)!dXsU>Gw>YA~*6`B6"
    r"BXW9h4n)9<D{aMF5z$$?R{>Y9IOU+n*H^Y%YHcl_SzyQduMJKs5+UQ+z;3-7Fu%Npy8^sDNF^TU=to_5j6y6I%XMXjlQ"
    r"k!Eu09N#q6zPNwc`m4=pv$a{I`owtm6X}bsm8RX+X8Vw;sUrByrd&U^TaK~!<+RD^6SUszi=;4U%6xrlD;;w}s>!5qvA"
    r"+829m{6<@16A9@95MGWu8lHA4+g-Dth}~NxrqBV3X%0B`K!Pf2JGX{`ddaSh?TSa4Oe7yO&EB91@H75*0t0aq{dW+xH%"
    r"_8cE(Cd~B`iFaDn+*VP`u?R;XjBxC8F_1)2TH*fnt?Yg7AzLQ<t+NGI6E}5-A!|xcE7CrQfO=W7l@v*FirT(@90Om*1j"
    r"Q"
)


def unpacked(text: str) -> bytes:
    """The bytes of one of the files above."""
    return zlib.decompress(base64.b85decode(text))


def encode(path: Path, image: np.ndarray, **settings: object) -> Path:
    """Write an (h, w[, 3 or 4]) uint8 image as HEIC; `settings` may be `exif` and `icc_profile`.

    Skips the test where neither the package pillow-heif nor the program heif-enc is installed.
    """
    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        exif = settings.pop("exif", Image.Exif())
        picture = pillow_heif.from_pillow(Image.fromarray(image))
        picture.save(path, quality=95, exif=exif.tobytes(), **settings)
    elif program := shutil.which("heif-enc"):
        flat = path.with_suffix(".png")
        Image.fromarray(image).save(flat, **settings)
        subprocess.run([program, "-q", "95", "-o", path, flat], check=True, capture_output=True)
        flat.unlink()
    else:
        pytest.skip("no HEIC encoder: neither the package pillow-heif nor the program heif-enc")
    return path
