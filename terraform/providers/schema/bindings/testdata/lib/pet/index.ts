export class Pet extends cdktn.TerraformResource {
  public static readonly tfResourceType = "example_pet";
  // arn - computed: true, optional: false, required: false
  public get arn() {
    return this.getStringAttribute('arn');
  }
  // fleas - computed: true, optional: false, required: false
  private _fleas = new PetFleasList(this, "fleas", true);
  public get fleas() {
    return this._fleas;
  }
  // labels - computed: true, optional: false, required: false
  private _labels = new cdktn.StringMap(this, "labels");
  // age - computed: true, optional: true, required: false
  private _age?: number;
  public get age() {
    return this.getNumberAttribute('age');
  }
  // name - computed: false, optional: false, required: true
  private _name?: string;
  public get name() {
    return this.getStringAttribute('name');
  }
  // food - computed: false, optional: true, required: false
  private _food?: string[];
  public get food() {
    return cdktn.Fn.tolist(this.getListAttribute('food'));
  }
  // secret_wo - computed: false, optional: true, required: false
  private _secretWo?: string;
  /**
  * @deprecated Write-only: it is never read back.
  */
  public get secretWo() {
    return this.getStringAttribute('secret_wo');
  }
  // anything - computed: false, optional: true, required: false
  private _anything?: { [key: string]: any };
  // collar - computed: false, optional: true, required: false
  private _collar = new PetCollarOutputReference(this, "collar");
  // owner - computed: false, optional: false, required: true
  private _owner = new PetOwnerList(this, "owner", true);
  // timeouts - computed: false, optional: true, required: false
  private _timeouts = new PetTimeoutsOutputReference(this, "timeouts");
  protected synthesizeAttributes(): { [name: string]: any } {
    return {
      name: cdktn.stringToTerraform(this._name),
    };
  }
  protected synthesizeHclAttributes(): { [name: string]: any } {
    const attrs = {
      age: {
        isBlock: false,
        type: "simple",
        storageClassType: "number",
      },
      name: {
        isBlock: false,
        type: "simple",
        storageClassType: "string",
      },
      food: {
        isBlock: false,
        type: "set",
        storageClassType: "stringList",
      },
      secret_wo: {
        isBlock: false,
        type: "simple",
        storageClassType: "string",
      },
      anything: {
        isBlock: false,
        type: "map",
        storageClassType: "anyMap",
      },
      collar: {
        isBlock: true,
        type: "list",
        storageClassType: "PetCollarList",
      },
      owner: {
        isBlock: true,
        type: "set",
        storageClassType: "PetOwnerList",
      },
      timeouts: {
        isBlock: true,
        type: "struct",
        storageClassType: "PetTimeouts",
      },
    };
  }
}
