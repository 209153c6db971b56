//! Base64 as people and other formats have it: with line breaks, as bytes, or in XML.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sve_state::snapshot::Snapshot;
use sve_state::vcpu::Status;
use sve_state::{SveState, Vls, Vq};

/// A vCPU as a VMM saves it.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename = "vm")]
struct Vm {
    id: u32,
    sve: Snapshot,
}

/// One with SVE and one without, of 1,188 and of 608 bytes, so that there is padding too.
fn vms() -> [Vm; 2] {
    let vq = Vq::new(2).unwrap();
    [(Vls::up_to(vq), vq, 1092), (Vls::EMPTY, Vq::MIN, 512)].map(|(vls, vq, registers)| {
        let mut state = SveState::zeroed(vq).unwrap();
        let bytes = state.as_bytes_mut()[..registers].iter_mut();
        bytes
            .enumerate()
            .for_each(|(k, byte)| *byte = (k * 7 + 3).to_le_bytes()[0]);
        let sve = Snapshot::new(vls, state, Some(Status { fpsr: 1, fpcr: 2 })).unwrap();
        Vm { id: 3, sve }
    })
}

/// In lines of 76 characters, as `base64` prints it and RFC 2045 has it.
fn lines(text: &str) -> String {
    let lines = text.as_bytes().chunks(76);
    lines.fold(String::new(), |all, line| {
        all + str::from_utf8(line).unwrap() + "\n"
    })
}

#[test]
fn it_is_the_base64_of_others() {
    for Vm { sve, .. } in vms() {
        let text: String = serde_json::from_value(serde_json::to_value(&sve).unwrap()).unwrap();
        assert_eq!(text, STANDARD.encode(sve.to_bytes()));
    }
}

/// What `base64 FILE` prints, pasted into TOML, and what PyYAML's `!!binary` writes.
#[test]
fn line_breaks_are_passed_over() {
    for vm in vms() {
        let text = lines(&STANDARD.encode(vm.sve.to_bytes()));
        let toml = format!("id = 3\nsve = \"\"\"\n{text}\"\"\"\n");
        assert_eq!(toml::from_str::<Vm>(&toml).as_ref(), Ok(&vm));
        let indented = text.lines().map(|line| format!("  {line}\n"));
        let indented: String = indented.collect();
        // Without the option, serde-saphyr expects `!!binary` to be UTF-8, and says so.
        let options = serde_saphyr::options! { ignore_binary_tag_for_string: true };
        for tag in ["|", "!!binary |", "!!binary |-"] {
            let yaml = format!("id: 3\nsve: {tag}\n{indented}");
            let read = serde_saphyr::from_str_with_options::<Vm>(&yaml, options.clone());
            assert_eq!(read.unwrap(), vm, "{tag}");
        }
    }
}

/// bencode has no strings, so a string of base64 is read as bytes. pot has strings and writes JSON's string as
/// one, but a snapshot asks it for bytes.
#[test]
fn base64_is_read_where_it_arrives_as_bytes() {
    for vm in vms() {
        let bencode = serde_bencode::to_bytes(&vm).unwrap();
        assert_eq!(serde_bencode::from_bytes::<Vm>(&bencode).unwrap(), vm);
        let json = serde_json::to_value(&vm).unwrap();
        let pot = pot::to_vec(&json).unwrap();
        assert_eq!(pot::from_slice::<Vm>(&pot).unwrap(), vm);
        let pot = pot::to_vec(&vm).unwrap();
        assert_eq!(pot::from_slice::<Vm>(&pot).unwrap(), vm);
    }
}

/// The same as an attribute.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(rename = "vm")]
struct VmOfAttributes {
    #[serde(rename = "@id")]
    id: u32,
    #[serde(rename = "@sve")]
    sve: Snapshot,
}

/// quick-xml reads an element's text, serde-xml-rs attributes.
#[test]
fn xml_is_read() {
    for vm in vms() {
        let text = STANDARD.encode(vm.sve.to_bytes());
        let element = format!("<sve>{text}</sve>");
        let quick = quick_xml::se::to_string(&vm).unwrap();
        assert!(quick.contains(&element), "{quick}");
        let serde = serde_xml_rs::to_string(&vm).unwrap();
        assert!(serde.contains(&element), "{serde}");
        let broken = format!("<vm><id>3</id><sve>\n{}</sve></vm>", lines(&text));
        for xml in [&quick, &serde, &broken] {
            assert_eq!(quick_xml::de::from_str::<Vm>(xml).unwrap(), vm);
        }
        // serde-xml-rs cannot be asked what an element is.
        let error = serde_xml_rs::from_str::<Vm>(&serde).unwrap_err();
        assert!(error.to_string().contains("deserialize any"), "{error}");

        let Vm { id, sve } = vm;
        let vm = VmOfAttributes { id, sve };
        let xml = serde_xml_rs::to_string(&vm).unwrap();
        assert!(xml.contains(&format!("sve=\"{text}\"")), "{xml}");
        assert_eq!(serde_xml_rs::from_str::<VmOfAttributes>(&xml).unwrap(), vm);
        let read = quick_xml::de::from_str::<VmOfAttributes>(&xml);
        assert_eq!(read.unwrap(), vm);

        // Not every map is an element.
        for map in ["{\"sve\": TEXT}", "{\"$text\": TEXT, \"x\": 1}", "{}"] {
            let json = map.replace("TEXT", &format!("\"{text}\""));
            let error = serde_json::from_str::<Snapshot>(&json)
                .unwrap_err()
                .to_string();
            let expected = "invalid type: map, expected the bytes of an SVE snapshot";
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
